import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupListing;

/** --bootstrap H:P --delete REGEX: deletes groups. Prints {"deleted": N}. */
public class Groups {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", args[1]);
        List<String> found = new ArrayList<>();
        try (Admin admin = Admin.create(properties)) {
            for (ConsumerGroupListing group : admin.listConsumerGroups().all().get()) {
                if (group.groupId().matches(args[3])) {
                    found.add(group.groupId());
                }
            }
            admin.deleteConsumerGroups(found).all().get();
        }
        System.out.println("{\"deleted\":" + found.size() + "}");
    }
}
